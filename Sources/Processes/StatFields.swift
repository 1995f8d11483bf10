import AllocationModel

/// The fields of `/proc/PID/stat` that are used, numbered as in proc_pid_stat(5).
struct StatFields {
  var identity: ProcessIdentity
  var name: String
  var state: Character
  var parent: Int32
  var session: Int32
  var threadCount: Int
  var isKernelThread: Bool

  /// `PF_KTHREAD` of the kernel's `include/linux/sched.h`.
  private static let kernelThreadFlag: UInt64 = 0x0020_0000

  /// The name (field 2) may hold spaces, newlines and parentheses: it ends at the last parenthesis.
  init?(parsing text: [UInt8]) {
    guard let open = text.firstIndex(of: UInt8(ascii: "(")),
      let close = text.lastIndex(of: UInt8(ascii: ")")), open < close,
      let pid = Self.integer(text[..<open].filter { $0 != UInt8(ascii: " ") }[...], Int32.self),
      pid > 0
    else { return nil }
    let fields = text[(close + 1)...].split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
    func field<Number: FixedWidthInteger>(_ number: Int, as type: Number.Type) -> Number? {
      fields.indices.contains(number - 3) ? Self.integer(fields[number - 3], type) : nil
    }
    guard let letter = fields.first?.first, fields[0].count == 1,
      let parent = field(4, as: Int32.self), let session = field(6, as: Int32.self),
      let flags = field(9, as: UInt64.self), let threadCount = field(20, as: Int.self),
      let startTicks = field(22, as: UInt64.self)
    else { return nil }
    identity = ProcessIdentity(pid: pid, startTicks: startTicks)
    name = String(decoding: text[(open + 1)..<close], as: UTF8.self)
    state = Character(Unicode.Scalar(letter))
    self.parent = parent
    self.session = session
    self.threadCount = max(threadCount, 0)
    isKernelThread = flags & Self.kernelThreadFlag != 0
  }

  private static func integer<Number: FixedWidthInteger>(
    _ bytes: ArraySlice<UInt8>,
    _ type: Number.Type
  ) -> Number? {
    Number(String(decoding: bytes, as: UTF8.self))
  }
}

/// The `Key:	value` lines of `/proc/PID/status`.
struct StatusFields {
  private var valuesByKey: [String: ArraySlice<UInt8>] = [:]

  /// The first line of a key counts; the kernel escapes newlines in the only free text, the name.
  init(parsing text: [UInt8]) {
    for line in text.split(separator: UInt8(ascii: "\n")) {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
      let key = String(decoding: line[..<colon], as: UTF8.self)
      if valuesByKey[key] == nil { valuesByKey[key] = line[(colon + 1)...] }
    }
  }

  func number(_ key: String) -> UInt64? {
    guard let value = valuesByKey[key] else { return nil }
    var scanner = ByteScanner(value)
    scanner.skipSpaces()
    return scanner.number(radix: 10)
  }

  /// All numbers of a field, up to the first that is none.
  func numbers(_ key: String) -> [UInt64] {
    guard let value = valuesByKey[key] else { return [] }
    var scanner = ByteScanner(value)
    var numbers: [UInt64] = []
    scanner.skipSpaces()
    while let number: UInt64 = scanner.number(radix: 10) {
      numbers.append(number)
      scanner.skipSpaces()
    }
    return numbers
  }

  /// Bytes of a field that the kernel prints in kB, by which it means 1024.
  func kibibytes(_ key: String) -> UInt64? {
    guard let count = number(key) else { return nil }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: 1024)
    return overflow ? nil : bytes
  }
}
