#include <stdlib.h>

void drop(char *item) {
	free(item);
	free(item);
}

char first(void) {
	char items[4] = {0};
	return items[4];
}
