// calloc whose product overflows fails; one that fits counts the product.
#include "truth.h"

static volatile size_t many = SIZE_MAX / 4;

int main(void) {
  for (int i = 0; i < 5; i++) {
    if (took(calloc(many, 8), 0)) return 1;
    took(calloc(7, 9), 63);
  }
  took(calloc(0, 8), 0);
  tell();
}
