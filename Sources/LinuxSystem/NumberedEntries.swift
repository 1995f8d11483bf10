import Glibc
package import SystemPackage

/// The positive numbers among the names in a folder, unsorted. `readdir(3)`
package func numericEntries(of folder: String) throws(Errno) -> [Int32] {
  guard let stream = opendir(folder) else { throw Errno.current }
  defer { closedir(stream) }
  var numbers: [Int32] = []
  while let entry = readdir(stream) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    if let number = Int32(name), number > 0 { numbers.append(number) }
  }
  return numbers
}
