import AllocationModel
import ArgumentParser
import Exporters
import Inspection
import LinuxSystem
import Monitoring
import Presentation

/// `heaptap refs`: what holds a block, or most of the heap.
struct RefsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "refs",
    abstract: "Show who holds a block, the blocks of a type, or most of the heap of a process.",
    discussion: """
      The chains that are shown are the shortest ones from a variable, a stack, a register, \
      thread-local storage or other private memory to the block, each block with the offset of the \
      pointer to the next. What a block retains could be freed if it were. Without anything to look \
      for, or with --holders, those are shown that retain most.
      """)

  @OptionGroup var options: InspectionOptions

  @Argument(help: "Address of a block or within one, hexadecimal with 0x.")
  var address: Address?

  @Option(help: ArgumentHelp("All blocks of a type, as types has it.", valueName: "name"))
  var type: String?

  @Flag(help: "Who retains most.")
  var holders = false

  @Option(name: .short, help: ArgumentHelp("Chains or holders that are shown.", valueName: "n"))
  var k: Int?

  @Option(
    help: ArgumentHelp(
      "Roots that do not count: global, tls, stack, register, mapping; several with commas.",
      valueName: "kinds"))
  var without: RootKinds?

  func validate() throws {
    guard [address != nil, type != nil, holders].count(where: { $0 }) <= 1 else {
      throw ValidationError("give an address, --type or --holders, and not more than one of them")
    }
    guard k ?? 1 > 0 else { throw ValidationError("-k takes a number from 1 on") }
  }

  func run() throws {
    let survey = try options.survey()
    let excluded = without?.kinds ?? []
    if let address {
      let found = Progress.during("looking for chains") {
        survey.references(to: address.value, limit: k ?? 5, without: excluded)
      }
      guard let found else {
        throw ObservationError(
          .usage,
          "there is no live block at \(Figure.hexadecimal(address.value)) in process "
            + "\(survey.image.pid); where says what is there")
      }
      write(JSONReferencesExporter.line(found), ReferenceText.render(found))
    } else if let type {
      let found = Progress.during("looking at types") {
        survey.references(toType: type, limit: k ?? 5, without: excluded)
      }
      guard let found else {
        throw ObservationError(
          .usage,
          "process \(survey.image.pid) has no block of type \(type); types lists those that it has")
      }
      write(JSONReferencesExporter.line(found), ReferenceText.render(found))
    } else {
      let found = Progress.during("looking for holders") {
        survey.holders(limit: k ?? 20, without: excluded)
      }
      write(JSONReferencesExporter.line(found), ReferenceText.render(found))
    }
    HeapText.summarize(survey.walk, survey.image)
  }

  private func write(_ json: @autoclosure () -> String, _ text: @autoclosure () -> String) {
    OutputStream.standardOutput.write(options.json ? json() : text())
  }
}

/// An address as people write it.
struct Address: ExpressibleByArgument {
  var value: UInt64

  init?(argument: String) {
    let digits = argument.lowercased().hasPrefix("0x") ? argument.dropFirst(2) : argument[...]
    guard !digits.hasPrefix("+"), let value = UInt64(digits, radix: 16) else { return nil }
    self.value = value
  }
}

/// Kinds of roots as a list with commas.
struct RootKinds: ExpressibleByArgument {
  var kinds: Set<RootReference.Kind>

  init?(argument: String) {
    kinds = []
    for name in argument.split(separator: ",") {
      guard let kind = RootReference.Kind(rawValue: String(name)) else { return nil }
      kinds.insert(kind)
    }
  }
}
