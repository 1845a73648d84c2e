static class Kernel
{
    [DllImport("kernel32.dll")]
    static extern bool CloseHandle(IntPtr handle);
}
