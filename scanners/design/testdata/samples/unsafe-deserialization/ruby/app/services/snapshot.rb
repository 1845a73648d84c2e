class Snapshot
  def load(raw) = Marshal.load(raw)
end
