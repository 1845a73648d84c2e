int first(void) {
	int *p = 0;
	// cppcheck-suppress nullPointer ; never called
	return *p;
}
