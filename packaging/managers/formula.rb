# Homebrew, the command alone, for replays and rule authors: brew install osawatch
class Osawatch < Formula
  desc "Detects AppleScript and Automator processes that make network connections"
  homepage "@HOMEPAGE@"
  url "@URL@/osawatch-@VERSION@-macos-universal.zip"
  sha256 "@ZIP_SHA256@"
  license "Apache-2.0"

  depends_on macos: :ventura

  def install
    bin.install "osawatch"
    generate_completions_from_executable(bin/"osawatch", "completions")
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/osawatch --version")
  end
end
