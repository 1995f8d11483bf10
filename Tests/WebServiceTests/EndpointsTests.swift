import Testing
import WebService

@Suite struct EndpointsTests {
  private func answer(
    _ path: String, method: String = "GET", accept: String? = nil,
    state: PublishedState = sampleState(), secondsLater: UInt64 = 1
  ) -> Answer {
    Endpoints().answer(
      Endpoints.Request(method: method, path: path, accept: accept), state,
      Endpoints.Moment(
        now: (1 + secondsLater) * 1_000_000_000, residentBytes: 50 << 20, cpuSeconds: 1.5))
  }

  @Test func `metrics come in the format that is asked for`() {
    let plain = answer("/metrics", accept: "text/plain")
    #expect(plain.contentType == "text/plain; version=0.0.4; charset=utf-8")
    #expect(plain.body.contains("\nheaptap_up 1\n"))
    #expect(!plain.body.contains("# EOF"))
    let open = answer(
      "/metrics", accept: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    #expect(open.contentType == "application/openmetrics-text; version=1.0.0; charset=utf-8")
    #expect(open.body.hasSuffix("\n# EOF\n"))
  }

  @Test func `only so many suspects have series`() {
    let body = answer("/metrics").body
    #expect(body.split(separator: "\n").count { $0.hasPrefix("heaptap_site_live_bytes{") } == 2)
    #expect(body.contains("\nheaptap_suspects 3\n"))
  }

  @Test func `before the first snapshot there are metrics, no health and no snapshot`() {
    let state = sampleState(published: nil)
    #expect(answer("/metrics", state: state).body.contains("\nheaptap_up 0\n"))
    let health = answer("/healthz", state: state)
    #expect(health.status == 503)
    #expect(health.body.hasPrefix("{\"ok\":false,\"snapshot_age_s\":null,"))
    #expect(answer("/api/v1/snapshot", state: state).status == 503)
  }

  @Test func `health is a matter of the last snapshot's age`() {
    let well = answer("/healthz")
    #expect(well.status == 200)
    #expect(
      well.body
        == "{\"ok\":true,\"snapshot_age_s\":1.0,\"snapshot_age_limit_s\":10.0,\"processes\":1,\"lost_events\":3,"
        + "\"attached_files\":[\"/lib/libc.so.6\"],\"failed_writes\":{\"history\":0,\"summary\":2}}\n"
    )
    #expect(answer("/healthz", secondsLater: 10).status == 200)
    #expect(answer("/healthz", secondsLater: 11).status == 503)
  }

  @Test func `the snapshot is that of watch`() {
    let answer = answer("/api/v1/snapshot")
    #expect(answer.status == 200)
    #expect(answer.contentType == "application/json")
    #expect(answer.body.hasPrefix("{\"schema\":\"heaptap.watch/1\","))
    #expect(answer.body.contains("\"omitted_sites\":1"))
  }

  @Test func `the latest summary is there when a period has ended`() {
    let state = sampleState()
    #expect(answer("/api/v1/summary/latest", state: state).status == 404)
    state.publish(summary: "{}\n")
    #expect(answer("/api/v1/summary/latest", state: state) == Answer("{}\n"))
  }

  @Test func `other paths and methods are answered in JSON`() {
    let missing = answer("/x")
    #expect(missing.status == 404)
    #expect(
      missing.body
        == "{\"error\":\"there is nothing at this path; there is /api/v1/snapshot, "
        + "/api/v1/summary/latest, /healthz, /metrics\"}\n")
    let posted = answer("/metrics", method: "POST")
    #expect(posted.status == 405)
    #expect(posted.allow == "GET, HEAD")
    #expect(posted.body == "{\"error\":\"this path takes GET and HEAD only\"}\n")
    #expect(answer("/metrics", method: "HEAD").status == 200)
  }
}
