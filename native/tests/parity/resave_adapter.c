/* Reads an adapter folder and writes it again: what the comparison suite lets PEFT read.
 *
 * usage: resave_adapter IN OUT
 */
#include <stdio.h>
#include <string.h>

#include "oft/c_api.h"

static int fail(const oft_error* error) {
  char message[4096];
  size_t size = 0;
  oft_error_message(error, message, sizeof message, &size);
  fprintf(stderr, "resave_adapter: %.*s\n", (int)(size < sizeof message ? size : sizeof message),
          message);
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: resave_adapter IN OUT\n");
    return 2;
  }
  oft_error* error = NULL;
  oft_adapter* adapter = NULL;
  int status = 0;
  if (oft_adapter_load(argv[1], strlen(argv[1]), &adapter, &error) != OFT_STATUS_OK ||
      oft_adapter_save(adapter, argv[2], strlen(argv[2]), &error) != OFT_STATUS_OK)
    status = fail(error);
  oft_adapter_destroy(adapter);
  oft_error_destroy(error);
  return status;
}
