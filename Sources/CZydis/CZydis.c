#include "CZydis.h"

#include <Zydis/Zydis.h>

static czydis_flow flow_of(const ZydisDecodedInstruction *decoded, bool has_target) {
  switch (decoded->mnemonic) {
  case ZYDIS_MNEMONIC_UD0:
  case ZYDIS_MNEMONIC_UD1:
  case ZYDIS_MNEMONIC_UD2:
  case ZYDIS_MNEMONIC_HLT:
    return CZYDIS_FLOW_TRAP;
  default:
    break;
  }
  switch (decoded->meta.category) {
  case ZYDIS_CATEGORY_CALL:
    return CZYDIS_FLOW_CALL;
  case ZYDIS_CATEGORY_RET:
    return CZYDIS_FLOW_RETURN;
  case ZYDIS_CATEGORY_SYSCALL:
  case ZYDIS_CATEGORY_SYSRET:
    return CZYDIS_FLOW_SYSTEM_CALL;
  case ZYDIS_CATEGORY_INTERRUPT:
    return CZYDIS_FLOW_TRAP;
  case ZYDIS_CATEGORY_UNCOND_BR:
  case ZYDIS_CATEGORY_COND_BR:
    return has_target ? CZYDIS_FLOW_DIRECT_BRANCH : CZYDIS_FLOW_INDIRECT_JUMP;
  default:
    return has_target ? CZYDIS_FLOW_DIRECT_BRANCH : CZYDIS_FLOW_NEXT;
  }
}

static uint16_t register_bit(ZydisRegister written) {
  ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, written);
  if (ZydisRegisterGetClass(whole) != ZYDIS_REGCLASS_GPR64) return 0;
  ZyanI8 number = ZydisRegisterGetId(whole);
  return number >= 0 && number < 16 ? (uint16_t)(1u << number) : 0;
}

bool czydis_decode(const uint8_t *code, size_t length, czydis_instruction *instruction) {
  ZydisDecoder decoder;
  if (ZYAN_FAILED(
        ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)))
    return false;
  ZydisDecodedInstruction decoded;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  if (ZYAN_FAILED(ZydisDecoderDecodeFull(&decoder, code, length, &decoded, operands)))
    return false;

  *instruction = (czydis_instruction){
    .length = decoded.length,
    .is_nop = decoded.mnemonic == ZYDIS_MNEMONIC_NOP,
    .is_conditional = decoded.meta.category != ZYDIS_CATEGORY_UNCOND_BR,
  };
  for (ZyanU8 i = 0; i < decoded.operand_count; i++) {
    const ZydisDecodedOperand *operand = &operands[i];
    if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER
        && (operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
      instruction->written_registers |= register_bit(operand->reg.value);
    if (operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operand->imm.is_relative) {
      instruction->has_target = true;
      instruction->target = operand->imm.value.s + decoded.length;
    }
    if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY && operand->mem.base == ZYDIS_REGISTER_RIP) {
      instruction->has_slot = true;
      instruction->slot = operand->mem.disp.value + decoded.length;
    }
  }
  instruction->flow = flow_of(&decoded, instruction->has_target);
  return true;
}
