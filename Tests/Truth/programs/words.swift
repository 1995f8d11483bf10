// Arrays, dictionaries, strings and classes of the Swift library.
final class Node {
  var next: Node?
  var words: [String]
  init(next: Node?, words: [String]) {
    self.next = next
    self.words = words
  }
}

var counts: [String: Int] = [:]
var list: Node?
var seed: UInt32 = 3
for index in 0..<3000 {
  seed = seed &* 1_664_525 &+ 1_013_904_223
  let word = "a word too long for a small string: \(seed % 400)"
  counts[word, default: 0] += 1
  list = Node(next: index.isMultiple(of: 200) ? nil : list, words: [word, "\(index)"])
}
precondition(counts.count <= 400)
