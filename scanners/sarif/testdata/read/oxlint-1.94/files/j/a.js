/* é😀 */ eval(x); debugger;
if (a = b) { }
