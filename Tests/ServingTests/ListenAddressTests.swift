import Serving
import Testing

@Suite struct ListenAddressTests {
  @Test(arguments: [
    ("127.0.0.1:9464", true), ("127.9.9.9:0", true), ("localhost:80", true), ("[::1]:9464", true),
    ("unix:/run/a.sock", true), ("/run/a.sock", true), ("0.0.0.0:80", false),
    ("192.168.1.1:80", false), ("[::]:80", false), ("[fe80::1]:80", false),
    ("[::ffff:10.0.0.1]:80", false), ("[0:0:0:0:0:0:0:1]:1", true),
  ])
  func `who can reach an address is known`(text: String, isLocal: Bool) throws {
    #expect(try #require(ListenAddress(text)).isLocal == isLocal)
  }

  @Test(arguments: [
    "", ":80", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.1:80",
    "example.com:80", "[::1]", "::1:80", "[127.0.0.1]:80", "unix:", "unix:a.sock", "/", "/run/",
    "/" + String(repeating: "a", count: 108), "127.0.0.1\0:80", "*:80",
  ])
  func `anything else is refused`(text: String) {
    #expect(ListenAddress(text) == nil)
  }

  @Test func `an address is written as it is read`() {
    for text in ["127.0.0.1:9464", "[::1]:9464", "unix:/run/a.sock"] {
      #expect(ListenAddress(text)?.description == text)
    }
  }
}
