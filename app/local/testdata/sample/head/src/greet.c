#include <stdio.h>
#include <string.h>

void greet(char *text, const char *name) {
	strcpy(text, name);
}

void ask(char *line) {
	gets(line);
}
