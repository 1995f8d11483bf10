import CLinux

/// Stream sockets in the file system (unix(7)).
package enum StreamSocket {
  /// Whether some process accepts connections there. The corresponding C function is `connect`.
  package static func isAnswered(at path: String) -> Bool { linux_probe_stream_socket(path) == 0 }
}
