import os
exec(
  x)
