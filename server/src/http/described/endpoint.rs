//! A handler, as what its arguments and its result say of it. `T` is how axum tells handlers apart: the types of their arguments.

use std::future::Future;

use super::{answer::Gives, part::Part, told::Told};

pub(in crate::http) trait Endpoint<T> {
    fn tell(told: &mut Told);
}

macro_rules! endpoint {
    ($($part:ident)*) => {
        impl<F, Made, Given, M, $($part,)*> Endpoint<(M, $($part,)*)> for F
        where
            F: FnOnce($($part,)*) -> Made,
            Made: Future<Output = Given>,
            Given: Gives,
            $($part: Part,)*
        {
            fn tell(told: &mut Told) {
                $($part::tell(told);)*
                Given::tell(told);
            }
        }
    };
}

endpoint!();
endpoint!(A);
endpoint!(A B);
endpoint!(A B C);
endpoint!(A B C D);
endpoint!(A B C D E);
endpoint!(A B C D E G);
