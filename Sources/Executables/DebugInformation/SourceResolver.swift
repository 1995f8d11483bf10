import LinuxSystem
import SystemPackage

/// Asks another process for functions, files, lines and merged calls, and remembers the answers.
///
/// Nothing here waits but `settle`, and that for as long as it is told. Debug information that ends the reader, or
/// keeps it busy for too long, is not read again: its module has the names of its symbol table from then on.
/// Used by one thread.
package final class SourceResolver {
  /// How the reading process is started: a program, its name and its arguments.
  package struct Reader: Sendable {
    package var path: String
    package var arguments: [String]

    package init(path: String, arguments: [String]) {
      self.path = path
      self.arguments = arguments
    }

    /// The running program, which has a subcommand for it.
    package static let thisProgram = Reader(
      path: "/proc/self/exe", arguments: ["heaptap", "resolve-worker"])
  }

  /// What can be asked: an address, and the function there by the module's own symbol table.
  package struct Place {
    package var module: Module
    /// Virtual address in the module.
    package var address: UInt64
    package var symbol: String?

    package init(module: Module, address: UInt64, symbol: String?) {
      self.module = module
      self.address = address
      self.symbol = symbol
    }
  }

  private var conversation: SourceConversation
  private var process: HelperProcess?
  private let reader: Reader
  /// Readers that could not be started in a row.
  private var failedStarts = 0
  private static let failedStartLimit = 3

  /// - Parameter byteLimit: of the answers that are remembered.
  package init(reader: Reader, byteLimit: Int = 16 << 20) {
    self.reader = reader
    conversation = SourceConversation(byteLimit: byteLimit)
  }

  /// Modules whose debug information could not be read, by path, with the reason.
  package var failuresByPath: [String: String] { conversation.failuresByPath }
  /// Readers that ended before their time.
  package var lostReaderCount: Int { conversation.lostReaderCount }
  /// The process id of the reader, if one runs.
  package var readerPid: Int32? { process?.pid }

  /// The calls at a place, innermost first; nil where they are not known yet, but asked for with the next `settle`.
  package func calls(at place: Place) -> [SourceCall]? {
    conversation.calls(at: place)
  }

  /// Asks for what is missing, and waits for answers until all are there or `seconds` have passed.
  package func settle(within seconds: Double) {
    let deadline = SystemClock.monotonicNanoseconds + UInt64(max(0, seconds) * 1e9)
    while conversation.isWaiting {
      guard failedStarts < Self.failedStartLimit else {
        return conversation.giveUp(because: "the process that reads it can't be started")
      }
      exchange()
      let now = SystemClock.monotonicNanoseconds
      guard conversation.isWaiting, now < deadline else { return }
      let milliseconds = Int32(clamping: (deadline - now) / 1_000_000 + 1)
      // Short waits, so that a reader that hangs is noticed.
      _ = process?.socket.waitForPacket(milliseconds: min(milliseconds, 250))
    }
  }

  /// Sends and receives what can be without waiting.
  private func exchange() {
    if process == nil { start() }
    guard process != nil else { return }
    do {
      try receive()
      try send()
    } catch {
      end(because: error)
      return
    }
    if conversation.isStuck(at: SystemClock.monotonicNanoseconds) { end(because: .stuck) }
  }

  private enum Interruption: Error {
    case ended, stuck, senseless
  }

  private func start() {
    do throws(Errno) {
      process = try HelperProcess(path: reader.path, arguments: reader.arguments)
      conversation.begin(at: SystemClock.monotonicNanoseconds)
    } catch {
      failedStarts += 1
    }
  }

  private func receive() throws(Interruption) {
    while true {
      let packet: PacketSocket.Packet?
      do throws(Errno) {
        packet = try process?.socket.receive(descriptorLimit: 0, waits: false)
      } catch {
        guard error == .resourceTemporarilyUnavailable else { throw .ended }
        return
      }
      guard let packet else { throw .ended }
      guard let answer = SourceAnswer(packet: packet.bytes),
        conversation.take(answer, at: SystemClock.monotonicNanoseconds)
      else { throw .senseless }
      failedStarts = 0
    }
  }

  private func send() throws(Interruption) {
    while let request = conversation.nextRequest() {
      switch attempt(request) {
      case .sent: conversation.noteSent(request, at: SystemClock.monotonicNanoseconds)
      case .noRoom: return
      case .noFile: conversation.giveUpFile(of: request.query.module ?? 0)
      case .refused: throw .ended
      }
    }
  }

  private enum Attempt {
    case sent, noRoom, noFile, refused
  }

  private func attempt(_ request: SourceConversation.Request) -> Attempt {
    func send(_ descriptors: [Int32]) -> Attempt {
      do throws(Errno) {
        try process?.socket.send(
          request.query.packet, descriptors: descriptors, waits: false)
        return .sent
      } catch {
        return error == .resourceTemporarilyUnavailable ? .noRoom : .refused
      }
    }
    guard let file = request.file else { return send([]) }
    return file.withDescriptors(send) ?? .noFile
  }

  /// Kills the reader; what it was busy with is not asked again.
  private func end(because reason: Interruption) {
    process = nil
    if !conversation.endReader(
      because: reason == .stuck ? "reading it took too long" : "the process that read it was lost")
    {
      failedStarts += 1
    }
  }
}
