#include <stdio.h>

void read_line(char *line) {
	gets(line); /* Flawfinder: ignore */
}
