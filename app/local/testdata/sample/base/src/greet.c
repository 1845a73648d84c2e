#include <string.h>

void greet(char *text, const char *name) {
	strcpy(text, name);
}
