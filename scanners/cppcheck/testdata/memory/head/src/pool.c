#include <stdio.h>
#include <stdlib.h>

int last(void) {
	int values[4] = {0};
	return values[4];
}

void give(void) {
	char *p = malloc(10);
	free(p);
	free(p);
}

int used(void) {
	int *p = malloc(sizeof(int));
	free(p);
	return *p;
}

int *kept(void) {
	int x = 3;
	return &x;
}

void closed(FILE *f) {
	fclose(f);
	fputs("x", f);
}

int unset(int n) {
	int x;
	if (n > 3)
		x = 1;
	return x;
}

void parse(void) {
	char name[8];
	scanf("%9s", name);
	scanf("%s", name);
}

int fine(int n) {
	int values[4] = {0};
	return n >= 0 && n < 4 ? values[n] : 0;
}
