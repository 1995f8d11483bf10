// 5,000 blocks are live at once.
#include "truth.h"

int main(void) {
  for (int i = 0; i < 5000; i++) took(malloc(48), 48);
  tell();
}
