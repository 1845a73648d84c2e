#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The strcpy below moved, and is not new. */
void greet(const char *name) {
	char text[16];
	strcpy(text, name);
	printf(text);
}

int ask(const char *command) {
	char line[80];
	gets(line);
	srand(1);
	return system(command);
}
