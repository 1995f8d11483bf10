/// The answer to a request, before it is HTTP.
package struct Answer: Hashable, Sendable {
  package var status: Int
  package var contentType: String
  package var body: String
  /// Methods that the path takes, for status 405.
  package var allow: String?

  package init(_ body: String, status: Int = 200, contentType: String = "application/json") {
    self.status = status
    self.contentType = contentType
    self.body = body
  }

  /// `{"error": …}` with a sentence. It may hold only what needs no escaping.
  static func failure(_ status: Int, _ sentence: String) -> Answer {
    Answer("{\"error\":\"\(sentence)\"}\n", status: status)
  }
}
