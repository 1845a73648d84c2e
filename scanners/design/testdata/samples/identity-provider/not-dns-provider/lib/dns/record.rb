class Record
  provider :route53
end
