/** The numbered statements of MQTT 5.0 that bind a server, in our words. Test data, no thread of its own. */

/** One per line: number, who is bound (S the server, SC both ends), the rule. */
export const STATEMENTS_V5 = `
1.5.4-1 SC Ill-formed UTF-8 or a surrogate in a string is malformed; the broker sends none
1.5.4-2 SC U+0000 in a string is malformed; the broker sends none
1.5.4-3 SC EF BB BF is U+FEFF wherever it stands and is kept
1.5.5-1 SC Variable byte integers take the fewest bytes, four at most
1.5.7-1 SC Name and value of a user property keep the string rules
2.1.3-1 SC Reserved flags: 0010 for PUBREL, SUBSCRIBE and UNSUBSCRIBE, 0000 elsewhere apart from PUBLISH
2.2.1-2 SC A QoS 0 PUBLISH has no packet identifier
2.2.1-3 SC A client's packet identifier is not 0 and not in use
2.2.1-4 S An outgoing PUBLISH takes an identifier that is not 0 and not in use
2.2.1-5 SC Acknowledgements carry the identifier of their PUBLISH
2.2.1-6 S SUBACK and UNSUBACK carry the identifier of their request
2.2.2-1 SC No properties are written as property length 0
3.1.0-1 SC The first packet has to be CONNECT
3.1.0-2 S A second CONNECT is a protocol error
3.1.2-1 SC Another protocol name than MQTT is refused
3.1.2-2 S A protocol version that is not served gets CONNACK 0x84 and a close
3.1.2-3 S Connect flag bit 0 has to be 0
3.1.2-4 SC Clean start 1 drops the stored session
3.1.2-5 S Clean start 0 resumes a stored session
3.1.2-6 S Clean start 0 without a stored session creates one
3.1.2-7 S A will is stored with the session
3.1.2-8 S The will goes out after its delay or the session, unless cancelled or the client is back
3.1.2-9 SC With a will, its properties, topic and payload are in the CONNECT payload
3.1.2-10 S A will that was published or cancelled by DISCONNECT 0x00 is gone
3.1.2-11 SC Without a will, will QoS has to be 0
3.1.2-12 SC Will QoS 3 is malformed
3.1.2-13 SC Without a will, will retain has to be 0
3.1.2-14 S Will retain 0 publishes a message that is not retained
3.1.2-15 S Will retain 1 publishes a retained message
3.1.2-16 SC User name flag 0: no user name in the payload
3.1.2-17 SC User name flag 1: a user name in the payload
3.1.2-18 SC Password flag 0: no password in the payload
3.1.2-19 SC Password flag 1: a password in the payload, user name or not
3.1.2-22 S Silence of 1.5 keep alives ends the connection; the server's keep alive goes first
3.1.2-23 SC A session expiry above 0 keeps the session after the close
3.1.2-24 S No packet above the client's maximum packet size is sent
3.1.2-25 S A message too large for the client is dropped as if delivered
3.1.2-26 S No topic alias above the client's maximum is sent
3.1.2-27 S No topic alias is sent to a client that allows none
3.1.2-28 S No response information unless it was asked for
3.1.2-29 S Request problem information 0: reason string and user property only in PUBLISH, CONNACK, DISCONNECT
3.1.3-1 SC The payload is read as ClientID, will properties, topic and payload, user name, password
3.1.3-2 SC The ClientID names the session
3.1.3-3 SC The ClientID field is there and comes first
3.1.3-4 SC The ClientID is valid UTF-8
3.1.3-5 S 1 to 23 bytes of digits and letters are always a good ClientID
3.1.3-6 S An empty ClientID is given a unique one
3.1.3-7 S The assigned ClientID is returned in CONNACK and used
3.1.3-8 S A ClientID that is refused gets CONNACK 0x85 and a close
3.1.3-9 S A client that is back before the will delay ends has no will published
3.1.3-10 S User properties of the will keep their order
3.1.3-11 SC The will topic is valid UTF-8
3.1.3-12 SC The user name is valid UTF-8
3.1.4-1 S A CONNECT that breaks the rules ends in a close
3.1.4-2 S A CONNECT that fails another check ends in a close
3.1.4-3 S A connected client with the same ClientID gets DISCONNECT 0x8E and a close
3.1.4-4 S Clean start is carried out at CONNECT
3.1.4-5 S An accepted CONNECT gets CONNACK 0x00
3.1.4-6 S Nothing behind a refused CONNECT is processed
3.2.0-1 S Nothing but AUTH comes before CONNACK
3.2.0-2 S One CONNACK per connection
3.2.2-1 S CONNACK flags 7 to 1 are 0
3.2.2-2 S Clean start 1: session present is 0
3.2.2-3 S Clean start 0: session present says whether there was a session
3.2.2-6 S A CONNACK that refuses has session present 0
3.2.2-7 S After a CONNACK that refuses comes a close
3.2.2-8 S CONNACK codes are the listed ones
3.2.2-9 S A maximum QoS below 2 is announced
3.2.2-10 S SUBSCRIBE with any QoS is accepted whatever the maximum QoS
3.2.2-11 SC A PUBLISH above the announced maximum QoS is refused with 0x9B
3.2.2-12 S A will QoS above the maximum is refused with 0x9B
3.2.2-13 S A retained will is refused with 0x9A where retain is not available
3.2.2-14 SC A retained PUBLISH is refused with 0x9A where retain is not available
3.2.2-15 SC A packet above the broker's maximum packet size is refused with 0x95
3.2.2-16 S An assigned ClientID is no other session's
3.2.2-17 SC A topic alias above the broker's maximum is refused with 0x94
3.2.2-18 SC Any topic alias is refused where the maximum is 0
3.2.2-19 S CONNACK leaves its reason string out when too large
3.2.2-20 S CONNACK leaves user properties out when too large
3.2.2-22 S Without a server keep alive the client's counts
3.3.1-1 SC A PUBLISH sent again has DUP 1
3.3.1-2 SC A QoS 0 PUBLISH has DUP 0
3.3.1-3 S The publisher's DUP is not passed on
3.3.1-4 SC QoS 3 is malformed and never sent
3.3.1-5 S A PUBLISH with retain replaces the topic's retained message
3.3.1-6 S An empty retained message is delivered and removes what was retained
3.3.1-7 S An empty message is never retained
3.3.1-8 S A message without retain leaves the retained one alone
3.3.1-9 S Retain handling 0: retained messages at every subscribe
3.3.1-10 S Retain handling 1: retained messages only for a new subscription
3.3.1-11 S Retain handling 2: no retained messages
3.3.1-12 S Retain as published 0: retain is cleared on the way
3.3.1-13 S Retain as published 1: retain is passed on
3.3.2-1 SC The topic name is the first field and valid UTF-8
3.3.2-2 SC A topic name has no wildcard
3.3.2-3 S The topic name delivered matches the subscription's filter
3.3.2-4 S The payload format indicator is passed on
3.3.2-5 S A copy whose message expired before its delivery began is dropped
3.3.2-6 S The message expiry interval passed on is less the time waited
3.3.2-7 SC Topic aliases end with the connection
3.3.2-8 SC Topic alias 0 is refused with 0x94
3.3.2-9 SC A topic alias above the maximum in CONNACK is refused with 0x94
3.3.2-11 S No topic alias above the maximum in CONNECT is sent
3.3.2-12 S Every topic alias up to the maximum in CONNACK is accepted
3.3.2-13 SC The response topic is valid UTF-8
3.3.2-14 SC A response topic with a wildcard is refused
3.3.2-15 S The response topic is passed on
3.3.2-16 S Correlation data are passed on
3.3.2-17 S User properties are passed on
3.3.2-18 S User properties keep their order
3.3.2-19 SC The content type is valid UTF-8
3.3.2-20 S The content type is passed on
3.3.4-1 SC QoS 0 gets no answer, QoS 1 PUBACK, QoS 2 PUBREC
3.3.4-2 S Overlapping subscriptions deliver at their highest QoS
3.3.4-3 S Subscription identifiers of the matching subscriptions are added
3.3.4-4 S One copy carries all of them
3.3.4-5 S Of several copies each carries its own
3.3.4-6 SC A PUBLISH from a client has no subscription identifier
3.3.4-7 SC More open PUBLISH packets than the broker's receive maximum are refused with 0x93
3.3.4-9 S No more PUBLISH packets are open than the client's receive maximum
3.3.4-10 S Other packets are not held back at that limit
3.4.2-1 SC PUBACK codes are the listed ones
3.4.2-2 SC PUBACK leaves its reason string out when too large
3.4.2-3 SC PUBACK leaves user properties out when too large
3.5.2-1 SC PUBREC codes are the listed ones
3.5.2-2 SC PUBREC leaves its reason string out when too large
3.5.2-3 SC PUBREC leaves user properties out when too large
3.6.1-1 SC PUBREL flags are 0010
3.6.2-1 SC PUBREL codes are 0x00 and 0x92
3.6.2-2 SC PUBREL leaves its reason string out when too large
3.6.2-3 SC PUBREL leaves user properties out when too large
3.7.2-1 SC PUBCOMP codes are 0x00 and 0x92
3.7.2-2 SC PUBCOMP leaves its reason string out when too large
3.7.2-3 SC PUBCOMP leaves user properties out when too large
3.8.1-1 SC SUBSCRIBE flags are 0010
3.8.3-1 SC Topic filters in SUBSCRIBE are valid UTF-8
3.8.3-2 SC A SUBSCRIBE without a filter is a protocol error
3.8.3-3 S No local: a client does not get what it published
3.8.3-4 SC No local on a shared subscription is a protocol error
3.8.3-5 S Reserved bits in subscription options are malformed
3.8.4-1 S Every SUBSCRIBE gets a SUBACK
3.8.4-2 S The SUBACK has the SUBSCRIBE's identifier
3.8.4-3 S The same filter again replaces the subscription
3.8.4-4 S Replacing sends retained messages anew (retain handling 0) and loses nothing
3.8.4-5 S Several filters are as several SUBSCRIBE packets with one SUBACK
3.8.4-6 S The SUBACK has one code per filter
3.8.4-7 S The code is the granted QoS or a failure
3.8.4-8 S Delivery is at the lower of published and granted QoS
3.9.2-1 S SUBACK leaves its reason string out when too large
3.9.2-2 S SUBACK leaves user properties out when too large
3.9.3-1 S SUBACK codes are in the order of the filters
3.9.3-2 S SUBACK codes are the listed ones
3.10.1-1 SC UNSUBSCRIBE flags are 0010
3.10.3-1 SC Topic filters in UNSUBSCRIBE are valid UTF-8
3.10.3-2 SC An UNSUBSCRIBE without a filter is a protocol error
3.10.4-1 S UNSUBSCRIBE deletes the filter that is equal, character by character
3.10.4-2 S Nothing new is sent for a deleted subscription
3.10.4-3 S Deliveries begun for a deleted subscription are finished
3.10.4-4 S UNSUBSCRIBE gets an UNSUBACK
3.10.4-5 S UNSUBACK has the identifier and comes even when nothing was deleted
3.10.4-6 S Several filters are as several UNSUBSCRIBE packets with one UNSUBACK
3.11.2-1 S UNSUBACK leaves its reason string out when too large
3.11.2-2 S UNSUBACK leaves user properties out when too large
3.11.3-1 S UNSUBACK codes are in the order of the filters
3.11.3-2 S UNSUBACK codes are the listed ones, one per filter
3.12.4-1 S PINGREQ gets PINGRESP
3.14.0-1 S No DISCONNECT comes before a CONNACK that accepts
3.14.1-1 SC DISCONNECT with reserved bits set is malformed
3.14.2-1 SC DISCONNECT codes are the listed ones
3.14.2-2 S The broker's DISCONNECT has no session expiry interval
3.14.2-3 SC DISCONNECT leaves its reason string out when too large
3.14.2-4 SC DISCONNECT leaves user properties out when too large
3.14.4-1 SC Nothing is sent after DISCONNECT
3.14.4-2 SC After its DISCONNECT the broker closes
3.14.4-3 S DISCONNECT 0x00 cancels the will
3.15.1-1 SC AUTH flags are 0000
3.15.2-1 SC AUTH codes are the sender's
3.15.2-2 SC AUTH leaves its reason string out when too large
3.15.2-3 SC AUTH leaves user properties out when too large
4.1.0-1 SC Session state is kept while the connection is open
4.1.0-2 S Session state goes when the expiry interval has passed after the close
4.2.0-1 SC A transport that is ordered and lossless is offered
4.3.1-1 SC QoS 0 is sent with QoS 0 and DUP 0
4.3.2-1 SC QoS 1 sent: a free identifier for each new message
4.3.2-2 SC QoS 1 sent: QoS 1 and DUP 0 at first
4.3.2-3 SC QoS 1 sent: held until PUBACK
4.3.2-4 SC QoS 1 received: PUBACK with the same identifier
4.3.2-5 SC QoS 1 received: after PUBACK the identifier means a new message
4.3.3-1 SC QoS 2 sent: a free identifier for each new message
4.3.3-2 SC QoS 2 sent: QoS 2 and DUP 0 at first
4.3.3-3 SC QoS 2 sent: held until PUBREC
4.3.3-4 SC QoS 2 sent: PUBREC gets PUBREL with the same identifier
4.3.3-5 SC QoS 2 sent: PUBREL held until PUBCOMP
4.3.3-6 SC QoS 2 sent: no PUBLISH again after PUBREL
4.3.3-7 SC QoS 2 sent: no expiry once PUBLISH was sent
4.3.3-8 SC QoS 2 received: PUBREC with the same identifier
4.3.3-9 SC QoS 2 received: after a PUBREC that refuses, the identifier means a new message
4.3.3-10 SC QoS 2 received: until PUBREL each repeat gets PUBREC and nothing is delivered twice
4.3.3-11 SC QoS 2 received: PUBREL gets PUBCOMP with the same identifier
4.3.3-12 SC QoS 2 received: after PUBCOMP the identifier means a new message
4.3.3-13 SC QoS 2 received: the handshake is finished for an expired message too
4.4.0-1 SC On resuming, and only then, PUBLISH and PUBREL are sent again with their identifiers
4.4.0-2 SC A PUBLISH answered by PUBACK or a refusing PUBREC is never sent again
4.5.0-1 S A message reaches every session with a matching subscription
4.6.0-5 S Messages of one publisher, topic and QoS arrive in their order
4.6.0-6 S Every topic is ordered for subscriptions that are not shared
4.7.0-1 SC Wildcards belong to filters, not to topic names
4.7.1-1 SC # is the last level of a filter and a whole one
4.7.1-2 SC + is a whole level, anywhere
4.7.2-1 S A leading wildcard does not match a topic that begins with $
4.7.3-1 SC Topic names and filters are not empty, unless an alias stands for the name
4.7.3-2 SC Topic names and filters have no U+0000
4.7.3-3 SC Topic names and filters have up to 65,535 bytes
4.7.3-4 S Topics are compared byte for byte
4.8.2-1 SC $share/name/filter is a shared subscription with a name of one character or more
4.8.2-2 SC A share name has no /, + or #, and a filter follows it
4.8.2-3 S Each group member keeps its own granted QoS
4.8.2-4 S A QoS 2 delivery begun with a member is finished with that member
4.8.2-5 S If that member's session ends, the message goes to no other
4.8.2-6 S A message that a member refuses goes to no other
4.9.0-1 SC The send quota begins at no more than the client's receive maximum
4.9.0-2 SC Each QoS 1 or 2 PUBLISH takes one of it; at 0 none is sent
4.9.0-3 SC At 0 all other packets are still answered
4.12.0-1 S An authentication method that is not served ends in a close
4.12.0-2 S More authentication data are asked for by AUTH 0x18
4.12.0-4 S Authentication that fails ends in a close
4.12.0-5 SC Every AUTH and the CONNACK repeat the method of the CONNECT
4.12.0-6 S Without a method in CONNECT there is no AUTH and no method in CONNACK
4.12.0-7 SC AUTH from a client that gave no method is a protocol error
4.12.1-1 SC Authenticating again keeps the method of the CONNECT
4.12.1-2 SC Authenticating again that fails ends in a close
4.13.1-1 S A malformed packet or protocol error ends in a close
4.13.2-1 SC A code of 0x80 or above in CONNACK or DISCONNECT ends in a close
6.0.0-1 SC WebSocket: binary frames only
6.0.0-2 SC WebSocket: packets may share or span frames
6.0.0-4 S WebSocket: subprotocol mqtt is chosen and returned
`;
