// Serves requests and answers every line of input: leaky leak|steady MILLISECONDS
import Glibc

final class Request {
  let number: Int
  let text: String
  init(_ number: Int) {
    self.number = number
    text = String(repeating: "r", count: 40 + number % 100)
  }
}

nonisolated(unsafe) var remembered: [Request] = []
nonisolated(unsafe) var table: [Int: Request] = [:]

@inline(never) func rememberRequest(_ number: Int) { remembered.append(Request(number)) }

@inline(never) func serveRequest(_ number: Int) { table[number % 50] = Request(number) }

let leaks = CommandLine.arguments[1] == "leak"
let milliseconds = Int32(CommandLine.arguments[2]) ?? 10
var number = 0
while true {
  var input = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
  if poll(&input, 1, milliseconds) > 0 {
    var line = [UInt8](repeating: 0, count: 64)
    if read(0, &line, line.count) <= 0 { break }
    _ = write(1, "ok\n", 3)
  }
  number += 1
  serveRequest(number)
  if leaks { rememberRequest(number) }
}
