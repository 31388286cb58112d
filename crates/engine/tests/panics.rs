//! A panic below the binding is an error, never the end of the process.

use timeweave_engine::catch_panic;

#[test]
fn a_panic_becomes_a_sentence_that_names_its_place() {
    let sentence = catch_panic(|| panic!("the shape {:?} is odd\nand more", [1, 2])).unwrap_err();
    assert!(sentence.contains("panics.rs:"), "{sentence}");
    assert!(sentence.ends_with("the shape [1, 2] is odd"), "{sentence}");
    let wrong = || {
        tch::Tensor::zeros([2, 3], tch::kind::FLOAT_CPU)
            .matmul(&tch::Tensor::zeros([2, 3], tch::kind::FLOAT_CPU))
    };
    let sentence = catch_panic(wrong).map(|_| ()).unwrap_err();
    assert!(sentence.contains("cannot be multiplied"), "{sentence}");
}

#[test]
fn values_pass_and_the_thread_goes_on_after_a_panic() {
    assert!(catch_panic(|| panic!("once")).is_err());
    assert_eq!(catch_panic(|| 3), Ok(3));
}
