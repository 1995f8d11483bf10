import Executables
import TestSupport
import Testing

@Suite("Demangler")
struct DemanglerTests {
  @Test(
    "symbols read as they were written",
    arguments: [
      // C++
      ("_ZN3foo3barEi", "foo::bar(int)"),
      (
        "_ZNSt6vectorIiSaIiEE9push_backERKi",
        "std::vector<int, std::allocator<int> >::push_back(int const&)"
      ),
      ("_ZN5outer6WidgetC2Ev", "outer::Widget::Widget()"),
      ("_ZN12_GLOBAL__N_14workEv", "(anonymous namespace)::work()"),
      ("_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()() const"),
      ("_Znwm", "operator new(unsigned long)"),
      // Rust, legacy and v0
      ("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"),
      ("_RNvCs1234_7mycrate3foo", "mycrate::foo"),
      ("_RNvMs_NtCskjdW0aFA6Cl_5alloc3vecINtB4_3VecjE4push", "<alloc::vec::Vec<usize>>::push"),
      // Swift
      ("$s4main5leaky5countySi_tF", "main.leaky(count: Swift.Int) -> ()"),
      ("$sSa6appendyyxnF", "Swift.Array.append(__owned A) -> ()"),
      // None of them
      ("malloc", "malloc"), ("", ""), ("_Z", "_Z"), ("_ZN", "_ZN"), ("$s", "$s"), ("_R", "_R"),
      ("main", "main"), ("_start", "_start"),
    ])
  func table(symbol: String, name: String) {
    #expect(Demangler().name(of: symbol) == name)
  }

  @Test("a short symbol for an endless name, and one that nests without end, stay as they are")
  func bombs() {
    // Each substitution doubles what it stands for.
    var doubling = "_Z1fSt4pairIiiE"
    for index in 0..<40 {
      let last = index == 0 ? "" : String(index - 1, radix: 36).uppercased()
      doubling += "St4pairIS\(last)_S\(last)_E"
    }
    let nested = "_Z1f" + String(repeating: "P", count: 15_000) + "i"
    for symbol in [doubling, nested, String(repeating: "_ZN", count: 6000)] {
      let elapsed = ContinuousClock().measure { _ = Demangler().name(of: symbol) }
      #expect(elapsed < .seconds(2))
      #expect(Demangler().name(of: symbol).utf8.count <= Demangler.nameByteLimit)
    }
  }

  @Test("changed symbols are survived")
  func mutations() {
    var generator = SeededGenerator(seed: 11)
    let symbols = [
      "_ZNSt6vectorIiSaIiEE9push_backERKi", "_RNvMs_NtCskjdW0aFA6Cl_5alloc3vecINtB4_3VecjE4push",
      "_ZN4core3fmt5write17h0123456789abcdefE",
    ]
    for round in 0..<3000 {
      var bytes = Array(symbols[round % symbols.count].utf8)
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        bytes[Int.random(in: 2..<bytes.count, using: &generator)] =
          Array("_0123456789ABCEINRSTZabcdefijklmnopqrstuvw".utf8).randomElement(using: &generator)
          ?? 0
      }
      _ = Demangler().name(of: String(decoding: bytes, as: UTF8.self))
    }
  }
}
