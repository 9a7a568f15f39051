# frozen_string_literal: true

require "openssl"

# Signs addresses of images, as docs/signing.md says.
module CalotypeSigning
  # Returns a path with a signature in it. The key is one of the server's, as in k1:8f0c…; expires is in seconds since 1970, 0 for never; the
  # grant says what may be appended to what is returned, as in w1600s80_d3_avif-webp-jpg. Raises ArgumentError for what cannot be signed.
  def self.sign(key, path, expires: 0, grant: "")
    _, name, digits = *key.match(/\A([a-z0-9]{1,8}):((?:\h\h){32,})\z/)
    _, route, rest = *path.match(%r{\A(/download/|/proxy/)(?:(?<=/proxy/)/*_/)?/*([^~/?#][^?#]*)\z}m)
    raise ArgumentError, "not a key, or #{path} is not the path of an image" unless name && route && path !~ /%(?!\h\h)/

    segments = rest.split("/").reject(&:empty?).map do |segment|
      bytes = segment.b.gsub(/%(\h\h)/n) { [$1].pack("H2") }
      decoded = bytes.dup.force_encoding("UTF-8")
      raise ArgumentError, "#{path} is not UTF-8, or has dot segments" if !decoded.valid_encoding? || [".", ".."].include?(decoded)

      bytes.gsub(/[^A-Za-z0-9\-._~!$&'()*+,;=:@]/n) { format("%%%02X", $&.ord) }
    end
    rest = segments.join("/")
    head = "calotype1\n#{name}\n#{expires}\n"
    unless grant.empty?
      grant = "#{grant}_n#{segments.size}"
      head = "calotype1-bounded\n#{name}\n#{expires}\n#{grant}\n"
    end
    mac = OpenSSL::HMAC.digest("SHA256", [digits].pack("H*"), head + route + rest)
    code = [mac[0, 16]].pack("m0").tr("+/", "-_").delete("=")
    "#{route}~#{[name, expires, code, grant].reject { |part| part == "" }.join(".")}/#{rest}"
  end

  # Returns the end of a signature that is to be good for so many seconds, at the least: in whole days, hours or minutes, so that addresses
  # stay the same for a while.
  def self.expiry(seconds, now = Time.now.to_i)
    grid = seconds >= 86_400 ? 86_400 : seconds >= 3600 ? 3600 : 60
    -(-(now + seconds) / grid) * grid
  end
end
