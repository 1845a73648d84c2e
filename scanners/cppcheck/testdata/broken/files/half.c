int first(void) {
	int *p = 0;
	return *p;
}

void broken( {
