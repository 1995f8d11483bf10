// elfutils: libelf reads ELF files of any class and byte order, libdw their debug information.
#pragma once
#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <libelf.h>
