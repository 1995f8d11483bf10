import Glibc

/// Where the daemon answers HTTP requests.
package enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
  case tcp(host: String, port: UInt16)
  /// An absolute path.
  case unix(path: String)

  /// `127.0.0.1:9464`, `[::1]:9464`, `localhost:9464`, `unix:/run/heaptap/http.sock`; a path alone is a socket, too.
  ///
  /// nil for anything else. A port of 0 has the kernel choose one.
  package init?(_ text: String) {
    if text.hasPrefix("/") || text.hasPrefix("unix:/") {
      let path = String(text.hasPrefix("/") ? text[...] : text.dropFirst(5))
      // sun_path of unix(7), with its NUL.
      guard path.utf8.count < 108, path.count > 1, !path.hasSuffix("/"), !path.contains("\0") else {
        return nil
      }
      self = .unix(path: path)
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
      guard Self.address(host, AF_INET6) != nil else { return nil }
    } else {
      guard host == "localhost" || Self.address(host, AF_INET) != nil else { return nil }
    }
    self = .tcp(host: String(host), port: port)
  }

  /// Nobody on another machine can connect to it.
  package var isLocal: Bool {
    switch self {
    case .unix: true
    case .tcp(let host, _):
      host == "localhost" || Self.address(host[...], AF_INET)?.first == 127
        || Self.address(host[...], AF_INET6).map {
          $0.dropLast().allSatisfy { $0 == 0 } && $0.last == 1
        }
          ?? false
    }
  }

  package var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }

  /// The bytes of a numeric address. The corresponding C function is `inet_pton`.
  private static func address(_ text: Substring, _ family: Int32) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 16)
    guard !text.contains("\0"), inet_pton(family, String(text), &bytes) == 1 else { return nil }
    return family == AF_INET ? Array(bytes.prefix(4)) : bytes
  }
}
