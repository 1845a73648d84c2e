#include <string.h>
void f(char *d, char *s){
  /* é😀 */ strcpy(d, s);
  gets(d); /* flawfinder: ignore */
}
int main(void){ return 0; }
