//! Each command of the assignment, as the person and the other device see it.

use std::fs;

use super::{assert_screen, joined};
use crate::harness::{Hub, PROMPT};

const NILE: &str = include_str!("../../../../../testdata/nile.txt");

#[test]
fn each_command_as_a_person_sees_it() {
    let hub = Hub::start(&["supersmartwatch", "wei-smartphone"]);
    let mut watch = joined(&hub, "supersmartwatch");
    fs::write(watch.file("lecture1.mp4"), "a film").unwrap();
    let mut issue = |command: &str| {
        watch.type_line(command);
        watch.output.expect(PROMPT)
    };
    for command in ["AED", "EDG", "EDG 1 x", "EDG 1 10", "UED", "UED 9"] {
        issue(command);
    }
    let mut phone = joined(&hub, "wei-smartphone");
    for command in ["AED", "UVF wei-smartphone lecture1.mp4"] {
        watch.type_line(command);
        watch.output.expect(PROMPT);
    }
    phone
        .output
        .expect("Received lecture1.mp4 from supersmartwatch");
    fs::write(watch.file("supersmartwatch-2.txt"), NILE).unwrap();
    for command in [
        "UED 2",
        "SCS",
        "SCS 2 SUM",
        "scs 2 average",
        "SCS 2 MAX",
        "SCS 2 MIN",
        "DTE 2",
        "DTE 2",
        "XYZ",
    ] {
        watch.type_line(command);
        watch.output.expect(PROMPT);
    }
    phone.type_line("exit");
    assert!(phone.wait());
    watch.type_line("UVF wei-smartphone lecture1.mp4");
    watch.output.expect(PROMPT);
    watch.type_line("quit");
    assert!(watch.wait());
    watch.output.to_end();
    phone.output.to_end();
    assert_screen(&watch, TRANSCRIPT);
    assert_screen(
        &phone,
        "Username: wei-smartphone\n\
         Password:\n\
         Welcome!\n\
         Received lecture1.mp4 from supersmartwatch\n\
         > exit\n\
         Bye, wei-smartphone!",
    );
    let received = fs::read(phone.file("supersmartwatch_lecture1.mp4")).unwrap();
    assert_eq!(received, b"a film");
}

const TRANSCRIPT: &str = "\
Username: supersmartwatch
Password:
Welcome!
> AED
no other active edge devices
> EDG
EDG command requires fileID and dataAmount as arguments.
> EDG 1 x
the fileID or dataAmount are not integers, you need to specify the parameter as integers
> EDG 1 10
Data generation done, 10 data samples have been generated and stored in the file supersmartwatch-1.t
xt
> UED
fileID is needed to upload the data
> UED 9
the file to be uploaded does not exist
> AED
wei-smartphone; 127.0.0.1; *.
> UVF wei-smartphone lecture1
.mp4
lecture1.mp4 has been uploaded
> UED 2
Data file with ID of 2 has been uploaded to server
> SCS
fileID is missing or fileID should be an integer
> SCS 2 SUM
Computation (SUM) result on the file (ID:2) returned from the server is: 91935
> scs 2 average
Computation (AVERAGE) result on the file (ID:2) returned from the server is: 919.35
> SCS 2 MAX
Computation (MAX) result on the file (ID:2) returned from the server is: 1370
> SCS 2 MIN
Computation (MIN) result on the file (ID:2) returned from the server is: 456
> DTE 2
file with ID of 2 has been successfully removed from the central server
> DTE 2
the file does not exist at the server side
> XYZ
Error. Invalid command!
help shows the commands.
> UVF wei-smartphone lecture1
.mp4
wei-smartphone is offline
> quit
Bye, supersmartwatch!";
