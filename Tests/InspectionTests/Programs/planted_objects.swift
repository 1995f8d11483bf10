// Makes objects of classes of every shape, says that they are there, and waits; ends at SIGTERM.
import Glibc

final class Node {
  var next: Node?
  var number = 0
}

class Animal {
  var legs = 4
}

final class Dog: Animal {
  var name = 7
}

final class Box<Value> {
  var value: Value
  init(_ value: Value) { self.value = value }
}

enum Space {
  final class Inner {
    var number = 1
  }
}

nonisolated(unsafe) var kept: [AnyObject] = []
nonisolated(unsafe) var texts: [String] = []
nonisolated(unsafe) var closures: [() -> Int] = []

kept.reserveCapacity(4000)
texts.reserveCapacity(500)
for _ in 0..<1000 { kept.append(Node()) }
for _ in 0..<300 { kept.append(Animal()) }
for _ in 0..<700 { kept.append(Dog()) }
for number in 0..<200 { kept.append(Box(number)) }
for number in 0..<100 { kept.append(Box("\(number)")) }
for number in 0..<50 { kept.append(Box(Box(Double(number)))) }
for _ in 0..<60 { kept.append(Space.Inner()) }
for number in 0..<500 { texts.append("a text that has no room in a string itself, \(number)") }
print("ready")
fflush(stdout)
while true { usleep(100_000) }
