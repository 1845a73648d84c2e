/* 😀 */ ;eval(x);
