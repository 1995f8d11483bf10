// elfutils: libelf reads ELF files of any class and byte order.
#pragma once
#include <elf.h>
#include <gelf.h>
#include <libelf.h>
