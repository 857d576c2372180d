/** The numbered statements of MQTT 3.1.1 that bind a server, in our words. Test data, no thread of its own. */

/** One per line: number, who is bound (S the server, SC both ends), the rule. */
export const STATEMENTS_V3 = `
1.5.3-1 SC Ill-formed UTF-8 or a surrogate in a string closes the connection; the broker sends none
1.5.3-2 SC U+0000 in a string closes the connection; the broker sends none
1.5.3-3 SC EF BB BF is U+FEFF wherever it stands and is kept
2.2.2-1 SC Reserved flags: 0010 for PUBREL, SUBSCRIBE and UNSUBSCRIBE, 0000 elsewhere apart from PUBLISH
2.2.2-2 SC Other flags in a received packet close the connection
2.3.1-1 SC Packet identifier 0 is refused, and never sent
2.3.1-4 S An outgoing PUBLISH takes a free identifier, keeps it when sent again, frees it at PUBACK or PUBCOMP
2.3.1-5 SC A QoS 0 PUBLISH has no packet identifier
2.3.1-6 SC PUBACK, PUBREC and PUBREL carry the identifier of their PUBLISH
2.3.1-7 S SUBACK and UNSUBACK carry the identifier of their request
3.1.0-1 SC The first packet has to be CONNECT
3.1.0-2 S A second CONNECT ends the connection
3.1.2-1 S A protocol name that is not served is not gone on with
3.1.2-2 S A protocol level that is not served gets CONNACK 0x01 and a close
3.1.2-3 S Connect flag bit 0 has to be 0
3.1.2-4 SC Clean session 0 resumes the stored session or creates one that stays
3.1.2-5 S QoS 1 and 2 messages are kept for an absent client's session
3.1.2-6 SC Clean session 1 drops what was stored and ends with its connection
3.1.2-7 S Retained messages outlive the session of their publisher
3.1.2-8 S The will is published when the connection ends without DISCONNECT
3.1.2-9 SC With a will, its QoS and retain flags count, and topic and message are in the payload
3.1.2-10 S A will that was published or cancelled by DISCONNECT is gone
3.1.2-11 SC Without a will, its flags are 0 and the payload has no will fields
3.1.2-12 S Without a will, nothing is published when the connection ends
3.1.2-13 SC Without a will, will QoS has to be 0
3.1.2-14 SC Will QoS 3 is refused
3.1.2-15 SC Without a will, will retain has to be 0
3.1.2-16 S Will retain 0 publishes a message that is not retained
3.1.2-17 S Will retain 1 publishes a retained message
3.1.2-18 SC User name flag 0: no user name in the payload
3.1.2-19 SC User name flag 1: a user name in the payload
3.1.2-20 SC Password flag 0: no password in the payload
3.1.2-21 SC Password flag 1: a password in the payload
3.1.2-22 SC A password without a user name is refused
3.1.2-24 S Silence of 1.5 keep alives ends the connection as a network failure does
3.1.3-1 SC The CONNECT payload is read as ClientId, will topic, will message, user name, password
3.1.3-2 SC The ClientId names the session
3.1.3-3 SC The ClientId field is there and comes first
3.1.3-4 SC The ClientId is valid UTF-8
3.1.3-5 S 1 to 23 bytes of digits and letters are always a good ClientId
3.1.3-6 S An empty ClientId is given a unique one
3.1.3-8 S An empty ClientId with clean session 0 gets CONNACK 0x02 and a close
3.1.3-9 S A ClientId that is refused gets CONNACK 0x02 and a close
3.1.3-10 SC The will topic is valid UTF-8
3.1.3-11 SC The user name is valid UTF-8
3.1.4-1 S A CONNECT that breaks the rules is closed without CONNACK
3.1.4-2 S A connected client with the same ClientId is disconnected
3.1.4-3 S Clean session is carried out at CONNECT
3.1.4-4 S An accepted CONNECT gets CONNACK 0x00
3.1.4-5 S Nothing behind a refused CONNECT is processed
3.2.0-1 S CONNACK is the first packet the broker sends
3.2.2-1 S Clean session 1: session present is 0
3.2.2-2 S Clean session 0 with a stored session: session present is 1
3.2.2-3 S Clean session 0 without a stored session: session present is 0
3.2.2-4 S A CONNACK that refuses has session present 0
3.2.2-5 S After a CONNACK that refuses comes a close
3.2.2-6 S Where no return code fits, the close comes without CONNACK
3.3.1-1 SC A PUBLISH sent again has DUP 1
3.3.1-2 SC A QoS 0 PUBLISH has DUP 0
3.3.1-3 S The publisher's DUP is not passed on
3.3.1-4 SC QoS 3 closes the connection and is never sent
3.3.1-5 S A PUBLISH with retain is stored with its QoS
3.3.1-6 S A new subscription gets the retained message of each matching topic
3.3.1-7 S A retained QoS 0 message drops the one before
3.3.1-8 S Messages sent because of a new subscription have retain 1
3.3.1-9 S Messages sent to a standing subscription have retain 0
3.3.1-10 S An empty retained message is delivered and removes what was retained
3.3.1-11 S An empty message is never retained
3.3.1-12 S A message without retain leaves the retained one alone
3.3.2-1 SC The topic name is the first field and valid UTF-8
3.3.2-2 SC A topic name has no wildcard
3.3.2-3 S The topic name delivered matches the subscriber's filter
3.3.4-1 SC QoS 0 gets no answer, QoS 1 PUBACK, QoS 2 PUBREC
3.3.5-1 S Overlapping subscriptions deliver at their highest QoS
3.3.5-2 S A PUBLISH that is not allowed is acknowledged as usual or closes the connection
3.6.1-1 SC PUBREL flags are 0010
3.8.1-1 SC SUBSCRIBE flags are 0010
3.8.3-1 SC Topic filters in SUBSCRIBE are valid UTF-8
3.8.3-2 S Filters with wildcards are served, or else refused
3.8.3-3 SC A SUBSCRIBE without a filter is a violation
3.8.3-4 S Reserved bits or QoS 3 in SUBSCRIBE close the connection
3.8.4-1 S Every SUBSCRIBE gets a SUBACK
3.8.4-2 S The SUBACK has the SUBSCRIBE's identifier
3.8.4-3 S The same filter again replaces the subscription, with retained messages anew and no gap
3.8.4-4 S Several filters are as several SUBSCRIBE packets with one SUBACK
3.8.4-5 S The SUBACK has a granted QoS or 0x80 for each filter
3.8.4-6 S Delivery is at the lower of published and granted QoS
3.9.3-1 S SUBACK codes are in the order of the filters
3.9.3-2 S SUBACK codes are 0x00, 0x01, 0x02 or 0x80
3.10.1-1 SC UNSUBSCRIBE flags are 0010
3.10.3-1 SC Topic filters in UNSUBSCRIBE are valid UTF-8
3.10.3-2 SC An UNSUBSCRIBE without a filter is a violation
3.10.4-1 S UNSUBSCRIBE deletes the filter that is equal, character by character
3.10.4-2 S Nothing new is sent for a deleted subscription
3.10.4-3 S Deliveries begun for a deleted subscription are finished
3.10.4-4 S UNSUBSCRIBE gets an UNSUBACK with its identifier
3.10.4-5 S UNSUBACK comes even when nothing was deleted
3.10.4-6 S Several filters are as several UNSUBSCRIBE packets with one UNSUBACK
3.12.4-1 S PINGREQ gets PINGRESP
3.14.1-1 S DISCONNECT with reserved bits set ends the connection as a violation
3.14.4-3 S DISCONNECT cancels the will
4.1.0-1 SC Session state is kept as long as the session lives
4.1.0-2 SC A session lives at least as long as its connection
4.3.1-1 SC QoS 0 is sent with QoS 0 and DUP 0
4.3.2-1 SC QoS 1 is sent with a free identifier and DUP 0 and held until PUBACK
4.3.2-2 SC QoS 1 received: PUBACK with its identifier; the identifier then means a new message
4.3.3-1 SC QoS 2 sent: PUBLISH held until PUBREC, PUBREL until PUBCOMP, no PUBLISH after PUBREL
4.3.3-2 SC QoS 2 received: PUBREC for every repeat, delivered once, PUBCOMP for PUBREL
4.4.0-1 SC On resuming, unacknowledged PUBLISH and PUBREL are sent again with their identifiers
4.5.0-1 S A message reaches every session with a matching subscription
4.6.0-1 SC PUBLISH packets are sent again in their first order
4.6.0-4 SC PUBREL packets follow the order of the PUBREC packets
4.6.0-5 S Every topic is ordered
4.6.0-6 S Messages of one publisher, topic and QoS arrive in their order
4.7.1-1 SC Wildcards belong to filters, not to topic names
4.7.1-2 SC # is the last level of a filter and a whole one
4.7.1-3 SC + is a whole level, anywhere
4.7.2-1 S A leading wildcard does not match a topic that begins with $
4.7.3-1 SC Topic names and filters are not empty
4.7.3-2 SC Topic names and filters have no U+0000
4.7.3-3 SC Topic names and filters have up to 65,535 bytes
4.7.3-4 S Topics are compared byte for byte
4.8.0-1 SC A protocol violation closes the connection
4.8.0-2 SC A transient error while a packet is processed closes the connection
6.0.0-1 SC WebSocket: binary frames only
6.0.0-2 SC WebSocket: packets may share or span frames
6.0.0-4 S WebSocket: subprotocol mqtt is chosen and returned
7.0.0-1 S A bridge also conforms as a client
7.0.0-2 SC No extension is needed to work with a conforming client
7.1.1-1 S A transport that is ordered and lossless is offered
`;
