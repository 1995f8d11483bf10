// elfutils: libelf reads ELF files of any class and byte order, libdw what DWARF says in them.
#pragma once
#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <libelf.h>
