#include <stdlib.h>

void drop(char *item) {
	free(item);
	free(item);
}
