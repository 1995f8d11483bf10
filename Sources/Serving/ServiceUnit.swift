/// The unit with which systemd runs the daemon (systemd.service(5), systemd.exec(5)).
package enum ServiceUnit {
  /// - Parameter executable: path of heaptap.
  package static func text(executable: String) -> String {
    """
    [Unit]
    Description=heaptap: memory of all processes by allocation site
    Documentation=man:proc(5)
    ConditionVirtualization=!container
    After=local-fs.target

    [Service]
    Type=notify
    ExecStart=\(executable) serve
    ExecReload=/bin/kill -HUP $MAINPID
    Restart=on-failure
    RestartSec=10
    TimeoutStopSec=30
    KillMode=mixed

    StateDirectory=heaptap
    RuntimeDirectory=heaptap
    CacheDirectory=heaptap
    Environment=XDG_CACHE_HOME=/var/cache/heaptap
    UMask=0027

    # Loading and attaching programs, reading the memory maps and files of others; the helper that reads debug
    # information as nobody (CAP_SETUID, CAP_SETGID, and CAP_KILL to end it).
    CapabilityBoundingSet=CAP_BPF CAP_PERFMON CAP_SYS_PTRACE CAP_DAC_READ_SEARCH CAP_SETUID CAP_SETGID CAP_KILL
    AmbientCapabilities=
    NoNewPrivileges=true
    LimitMEMLOCK=infinity
    LimitNOFILE=65536
    MemoryMax=1G
    TasksMax=64
    OOMPolicy=continue

    ProtectSystem=strict
    ProtectHome=read-only
    PrivateTmp=false
    PrivateDevices=true
    ProtectClock=true
    ProtectHostname=true
    ProtectControlGroups=true
    ProtectKernelModules=true
    ProtectKernelLogs=true
    RestrictSUIDSGID=true
    RestrictRealtime=true
    RestrictNamespaces=true
    RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
    LockPersonality=true
    SystemCallArchitectures=native

    [Install]
    WantedBy=multi-user.target

    """
  }
}
