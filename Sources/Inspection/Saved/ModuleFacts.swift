import Executables

/// What is known of a module, so that its file is not needed any more.
struct ModuleFacts {
  let module: ModuleMap.Module
  let variables: ModuleVariables?
  let functions: SymbolTable
  /// As `ThreadKeys` has it from a C library.
  let keyDescriptor: [UInt32]?
}

extension ModuleMap {
  /// All that can be asked of the modules; reads their files.
  func facts() -> [ModuleFacts] {
    modules.indices.map { index in
      ModuleFacts(
        module: modules[index], variables: variables(of: index), functions: functions(of: index),
        keyDescriptor: ThreadKeys.descriptor(of: modules[index], self))
    }
  }
}
