with (window) { level = 010; }
eval(level);
