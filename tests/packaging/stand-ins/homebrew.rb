# Homebrew as far as a formula and a cask meet it: runs one, refuses a stanza that Homebrew does not know, and prints what
# it said as JSON. A formula installs what lies in the current folder into the folder PREFIX.
#
#   ruby homebrew.rb FILE PREFIX
require "fileutils"
require "json"
require "open3"

SAID = {}
PREFIX = ARGV.fetch(1)
UNINSTALL = %i[early_script launchctl quit signal login_item kext script pkgutil delete trash rmdir].freeze

# Remembers the stanzas of these names.
def stanzas(target, names)
  names.each do |name|
    target.define_singleton_method(name) do |*values, **options|
      return SAID[name] if values.empty? && options.empty?

      SAID[name] = options.empty? ? values.first : options
    end
  end
end

# A folder of the formula.
class Folder
  def initialize(path)
    @path = path
  end

  def install(name)
    FileUtils.mkdir_p(@path)
    FileUtils.cp(name, @path)
  end

  def /(other)
    File.join(@path, other)
  end

  def to_s
    @path
  end
end

class Formula
  stanzas(self, %i[desc homepage url sha256 license depends_on])

  def self.test(&block)
    @test = block
  end

  def self.tested
    new.instance_eval(&@test)
  end

  def bin
    Folder.new(File.join(PREFIX, "bin"))
  end

  def version
    self.class.url[%r{/v([^/]+)/}, 1]
  end

  def shell_output(command)
    output, status = Open3.capture2(command)
    raise "#{command}: #{status}" unless status.success?

    output
  end

  def assert_match(pattern, text)
    raise "no #{pattern} in #{text}" unless text.match?(Regexp.new(Regexp.escape(pattern)))
  end

  def generate_completions_from_executable(*command)
    FileUtils.mkdir_p(File.join(PREFIX, "completions"))
    %w[bash zsh fish].each do |shell|
      output, status = Open3.capture2(*command, shell)
      raise "#{command} #{shell}: #{status}" unless status.success?

      File.write(File.join(PREFIX, "completions", shell), output)
    end
  end
end

def cask(token, &block)
  SAID[:cask] = token
  target = Object.new
  stanzas(target, %i[version sha256 url name desc homepage depends_on pkg uninstall zap caveats])
  target.instance_eval(&block)
  unknown = (SAID[:uninstall].keys + SAID[:zap].keys) - UNINSTALL
  raise "unknown: #{unknown}" unless unknown.empty?
end

load ARGV.fetch(0)
if Object.const_defined?(:Osawatch)
  Osawatch.new.install
  Osawatch.tested
end
puts JSON.generate(SAID)
