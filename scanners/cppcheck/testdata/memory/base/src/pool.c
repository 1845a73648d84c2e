#include <stdlib.h>

int last(void) {
	int values[4] = {0};
	return values[4];
}
