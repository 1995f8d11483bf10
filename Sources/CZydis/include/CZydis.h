// Zydis: what probe-point selection needs to know about one x86-64 instruction.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// How an instruction leaves the straight line.
typedef enum czydis_flow : uint8_t {
  CZYDIS_FLOW_NEXT,
  CZYDIS_FLOW_CALL,
  CZYDIS_FLOW_RETURN,
  CZYDIS_FLOW_SYSTEM_CALL,
  /// jmp, jcc, loop, jrcxz, xbegin with the target in the instruction.
  CZYDIS_FLOW_DIRECT_BRANCH,
  /// A jump through a register or memory.
  CZYDIS_FLOW_INDIRECT_JUMP,
  /// int n, int3, ud0-2, hlt: the kernel takes over.
  CZYDIS_FLOW_TRAP,
} czydis_flow;

typedef struct czydis_instruction {
  /// Bytes, 1 to 15.
  uint8_t length;
  czydis_flow flow;
  /// A nop of any length.
  bool is_nop;
  /// A branch that may go on with the next instruction instead.
  bool is_conditional;
  /// `target` is meaningful: a direct branch or a relative call.
  bool has_target;
  /// General-purpose registers written in whole or part, by encoding: bit 0 rax, 1 rcx, 2 rdx, 3 rbx,
  /// 4 rsp, 5 rbp, 6 rsi, 7 rdi, 8 to 15 r8 to r15.
  uint16_t written_registers;
  /// Bytes from the start of the instruction to the start of its target.
  int64_t target;
  /// `slot` is meaningful: the instruction has a memory operand addressed by rip and a constant.
  bool has_slot;
  /// Bytes from the start of the instruction to that memory.
  int64_t slot;
} czydis_instruction;

/// Decodes the instruction at `code`, reading at most `length` bytes. False: not an instruction.
bool czydis_decode(const uint8_t *code, size_t length, czydis_instruction *instruction);
