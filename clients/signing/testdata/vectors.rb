# frozen_string_literal: true

require "json"
require_relative "../calotype_signing"

vectors = JSON.parse(File.read(ARGV[0], encoding: "UTF-8"))
seen = wrong = 0
check = lambda do |name, got, want|
  seen += 1
  next if got == want

  wrong += 1
  puts "#{name}: #{got}, want #{want}"
end
vectors["sign"].each do |v|
  check.call(v["name"], CalotypeSigning.sign(v["key"], v["path"], expires: v["expires"], grant: v["grant"]), v["signed"])
end
vectors["refused"].each do |v|
  got = begin
    CalotypeSigning.sign(v["key"], v["path"])
  rescue ArgumentError
    "refused"
  end
  check.call(v["name"], got, "refused")
end
vectors["expiry"].each { |v| check.call(v["name"], CalotypeSigning.expiry(v["life"], v["now"]), v["expires"]) }
puts "#{seen} vectors"
exit(wrong.zero?)
