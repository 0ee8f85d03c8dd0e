# Homebrew, the whole agent: brew install --cask osawatch
cask "osawatch" do
  version "@VERSION@"
  sha256 "@PKG_SHA256@"

  url "@URL@/osawatch-#{version}-macos-universal.pkg"
  name "osawatch"
  desc "Detects AppleScript and Automator processes that make network connections"
  homepage "@HOMEPAGE@"

  depends_on macos: ">= :ventura"

  pkg "osawatch-#{version}-macos-universal.pkg"

  # An upgrade uninstalls too, so data is kept; `brew uninstall --zap` removes it.
  uninstall script:  {
              executable: "/Library/Osawatch/Osawatch.app/Contents/Resources/uninstall.sh",
              args:       ["--keep-data"],
              sudo:       true,
            },
            pkgutil: "io.osawatch.agent.pkg"

  zap delete: [
    "/Library/Application Support/osawatch",
    "/private/var/db/osawatch",
    "/private/var/log/osawatch",
  ]

  caveats <<~EOS
    osawatch sees processes once it has Full Disk Access: drag /Library/Osawatch/Osawatch.app into
    System Settings > Privacy & Security > Full Disk Access.
  EOS
end
