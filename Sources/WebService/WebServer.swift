import Dispatch
import Glibc
import HTTPTypes
import Hummingbird
import HummingbirdCore
import LinuxSystem
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
package import Serving
import Synchronization

/// Why requests can't be answered, as one sentence.
package struct WebServerError: Error, Hashable, Sendable, CustomStringConvertible {
  package var description: String
}

/// Answers HTTP requests on a thread of its own, tasks included.
///
/// It installs no signal handlers. Bounded are connections, the size of headers, how long a connection may idle and how
/// long a client may take to receive a response; bodies of requests are not read.
package final class WebServer {
  private static let connectionLimit = 64
  /// Bytes of all header fields.
  private static let headerLimit = 16 << 10
  private static let idleLimit = TimeAmount.seconds(60)
  private static let responseLimit = TimeAmount.seconds(20)
  /// Seconds that clients have to receive what they asked for when the server stops.
  private static let stopLimit = 1.0

  private enum Phase {
    case starting
    case running(port: UInt16?)
    case ended((any Error)?)
  }

  /// What the tasks of the server and its owner tell each other.
  private final class Progress: Sendable {
    let phase = Mutex(Phase.starting)
    let changed = DispatchSemaphore(value: 0)

    func enter(_ next: Phase) {
      phase.withLock { $0 = next }
      changed.signal()
    }
  }

  private let address: ListenAddress
  private let progress = Progress()
  private let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let executor: EventLoopTaskExecutor
  private var services: ServiceGroup?

  package init(address: ListenAddress) {
    self.address = address
    executor = EventLoopTaskExecutor(loop: threads.next())
  }

  /// Begins to listen, and returns when it does.
  ///
  /// - Returns: the address, with the port that the kernel chose where 0 was asked for.
  /// - Throws: `WebServerError` where that is not possible.
  package func start(_ endpoints: Endpoints, _ state: PublishedState) throws -> ListenAddress {
    try checkSocketPath()
    let services = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [application(endpoints, state)], logger: Self.silence))
    self.services = services
    let progress = progress
    Task.detached(executorPreference: executor) {
      do {
        try await services.run()
        progress.enter(.ended(nil))
      } catch {
        progress.enter(.ended(error))
      }
    }
    progress.changed.wait()
    guard case .running(let port) = progress.phase.withLock({ $0 }) else { throw failure }
    switch address {
    case .tcp(let host, let asked): return .tcp(host: host, port: port ?? asked)
    case .unix(let path):
      // Until now only the owner could connect, as that takes permission to write.
      guard chmod(path, 0o660) == 0 else {
        throw WebServerError(
          description:
            "cannot set the mode of \(path): \(String(cString: strerror(errno)).lowercased())")
      }
      return address
    }
  }

  /// Ends within about a second, whatever clients do, and removes the socket.
  package func stop() {
    if let services {
      Task.detached(executorPreference: executor) { await services.triggerGracefulShutdown() }
      _ = progress.changed.wait(timeout: .now() + Self.stopLimit)
      self.services = nil
    }
    if case .unix(let path) = address { unlink(path) }
  }

  private func application(_ endpoints: Endpoints, _ state: PublishedState) -> some Service {
    let bindAddress: BindAddress =
      switch address {
      case .tcp(let host, let port): .hostname(host, port: Int(port))
      case .unix(let path): .unixDomainSocket(path: path)
      }
    let progress = progress
    return Application(
      responder: CallbackResponder<BasicRequestContext> { request, _ in
        Self.respond(to: request, endpoints, state)
      },
      server: .http1(
        configuration: HTTP1Channel.Configuration(
          additionalChannelHandlers: [StalledResponseHandler(limit: Self.responseLimit)],
          idleTimeout: Self.idleLimit,
          httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
            maxHeaderFieldSize: Self.headerLimit, maxHeaderListSize: Self.headerLimit,
            maxHeaderFieldCount: 100))),
      configuration: ApplicationConfiguration(
        address: bindAddress, serverName: "heaptap",
        availableConnectionsDelegate: MaximumAvailableConnections(
          Self.connectionLimit, logger: Self.silence)),
      onServerRunning: { channel in
        progress.enter(.running(port: channel.localAddress?.port.flatMap { UInt16(exactly: $0) }))
      },
      eventLoopGroupProvider: .shared(threads), logger: Self.silence)
  }

  /// NIO removes what is at the path of a socket; a daemon that still uses it must not lose it.
  private func checkSocketPath() throws {
    guard case .unix(let path) = address else { return }
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      throw WebServerError(
        description:
          "cannot listen on \(address): there is a file that is no socket; choose another path")
    }
    guard !StreamSocket.isAnswered(at: path) else {
      throw WebServerError(
        description:
          "cannot listen on \(address): another process does; stop it or choose another path")
    }
  }

  private var failure: WebServerError {
    var reason = "it ended at once"
    if case .ended(let error?) = progress.phase.withLock({ $0 }) {
      reason =
        (error as? IOError).map { String(cString: strerror($0.errnoCode)).lowercased() }
        ?? "\(error)"
    }
    return WebServerError(
      description: "cannot listen on \(address): \(reason); choose another address with http.listen"
    )
  }

  private static func respond(
    to request: Request, _ endpoints: Endpoints, _ state: PublishedState
  ) -> Response {
    let answer = endpoints.answer(
      Endpoints.Request(
        method: request.method.rawValue, path: request.uri.path,
        accept: request.headers[.accept]), state, .present)
    let isHead = request.method == .head
    var headers: HTTPFields = [.contentType: answer.contentType, .cacheControl: "no-store"]
    headers[.xContentTypeOptions] = "nosniff"
    headers[.allow] = answer.allow
    let buffer = ByteBuffer(string: answer.body)
    var response = Response(
      status: HTTPResponse.Status(code: answer.status), headers: headers,
      body: isHead ? ResponseBody() : ResponseBody(byteBuffer: buffer))
    if isHead { response.headers[.contentLength] = String(buffer.readableBytes) }
    return response
  }

  /// What clients do wrong is theirs to know; what heaptap says of itself comes from one place.
  private static let silence = Logger(label: "heaptap.http") { _ in SwiftLogNoOpLogHandler() }
}
