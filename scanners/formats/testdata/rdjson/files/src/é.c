int a;
é printf(a);
char *p = "{{HEX}}";
