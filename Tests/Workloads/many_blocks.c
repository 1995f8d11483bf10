// 5,000 blocks are live at once, or as many as the argument says.
#include "truth.h"

int main(int count, char **arguments) {
  int blocks = count > 1 ? atoi(arguments[1]) : 5000;
  for (int i = 0; i < blocks; i++) took(malloc(48), 48);
  tell();
}
