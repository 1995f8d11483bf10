// Ends with the status given as argument, or by the signal given as negative number.
#include "truth.h"

int main(int count, char **arguments) {
  int status = count > 1 ? atoi(arguments[1]) : 0;
  took(malloc(5), 5);
  if (status < 0) raise(-status);
  return status;
}
